"""What a column's name and the look of its texts say: identifier, person's name, date."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["named_like_date", "named_like_id", "named_like_label", "named_like_person", "opaque"]

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IDS = frozenset(
    {
        "caseid", "eid", "encounterid", "guid", "hadm", "hospitalid", "icustay", "id",
        "identifier", "identifiers", "ids", "iid", "memberid", "mrn", "nbr", "nhs",
        "participantid", "patid", "patientid", "personid", "pid", "pidnum", "ptid", "recordid",
        "sampleid", "seqn", "seqno", "ssn", "studyid", "subjectid", "subjid", "uid", "usubjid",
        "uuid", "visitid",
    }
)  # fmt: skip
_LABELS = frozenset(
    {
        "accession", "barcode", "case", "code", "index", "key", "name", "no", "nr", "num",
        "number", "participant", "patient", "person", "record", "row", "rownames", "subject",
        "unnamed",
    }
)  # fmt: skip
_PERSONS = frozenset(
    {
        "doctor", "family", "first", "full", "given", "last", "maiden", "middle", "nick",
        "patient", "physician", "sur", "user",
    }
)  # fmt: skip
_CONTACTS = frozenset(
    {
        "address", "email", "fax", "firstname", "forename", "fullname", "iban", "lastname",
        "mail", "mobile", "passport", "phone", "street", "surname", "telephone",
    }
)  # fmt: skip
_DATES = frozenset(
    {
        "birthdate", "birthday", "dat", "date", "day", "dob", "dt",
    }
)  # fmt: skip
_OPAQUE = (
    re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),  # e-mail
    re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),  # UUID
    re.compile(r"[0-9a-fA-F]{16,}"),  # hash
    re.compile(r"\+?\d{1,3}[ -]?\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,6}"),  # telephone
)


def _words(name: str) -> list[str]:
    return [w.lower() for w in _WORDS.findall(name)]


def named_like_id(name: str) -> bool:
    """Whether the name says identifier (``patient_nbr``, ``case.id``, ``subjectID``)."""
    return bool(set(_words(name)) & _IDS)


def named_like_label(name: str) -> bool:
    """Whether the name may be that of a running number or label (``row``, ``case no``)."""
    return named_like_id(name) or bool(set(_words(name)) & _LABELS)


def named_like_person(name: str) -> bool:
    """Whether the name says a person's name, address or telephone number."""
    words = set(_words(name))
    return bool(words & _CONTACTS) or ("name" in words and bool(words & _PERSONS))


def named_like_date(name: str) -> bool:
    """Whether the name says date, which lets eight digits be read as one."""
    return any(w in _DATES or w.endswith("date") for w in _words(name))


def opaque(texts: Sequence[str]) -> bool:
    """Whether nearly all texts are e-mail addresses, UUIDs, hashes or telephone numbers."""
    sample = texts[:200]
    return bool(sample) and any(
        sum(bool(form.fullmatch(t)) for t in sample) >= 0.9 * len(sample) for form in _OPAQUE
    )
