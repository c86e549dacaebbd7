"""Run the command line as ``python -m salus``."""

from salus.synth.cli.main import run

if __name__ == "__main__":
    run()
