"""The report: a dictionary first (``audit.json``), then an HTML page and a card as views of it."""

from salus.synth.report.card import card, write_card
from salus.synth.report.page import render, write_page
from salus.synth.report.summary import read_summary, summarise, write_summary

__all__ = [
    "card",
    "read_summary",
    "render",
    "summarise",
    "write_card",
    "write_page",
    "write_summary",
]
