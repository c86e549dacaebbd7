"""Public clinical tables that ship with the package, so that everything runs offline.

One table so far: ``pbc``, the Mayo Clinic trial in primary biliary cirrhosis of the liver, 1974 to
1984: 418 people, one row each, mixed types, 1,033 empty cells (most of them because 106 people
were followed without being randomised). Columns as in R's ``survival::pbc``; units in UCUM:

========== ========= ==========================================================================
column     unit      meaning
========== ========= ==========================================================================
id         --        case number (left out)
time       d         from registration to death, transplantation or July 1986
status     --        the outcome: 0 censored, 1 transplant, 2 dead
trt        --        1 D-penicillamine, 2 placebo; empty: not randomised
age        a         age, kept to a tenth of a year (see SOURCE.md)
sex        --        f, m
ascites    --        0 no, 1 yes
hepato     --        enlarged liver: 0 no, 1 yes
spiders    --        blood vessel malformations in the skin: 0 no, 1 yes
edema      --        0 none, 0.5 untreated or treated with success, 1 in spite of diuretics
bili       mg/dL     serum bilirubin
chol       mg/dL     serum cholesterol
albumin    g/dL      serum albumin
copper     ug/d      urine copper
alk.phos   U/L       alkaline phosphatase
ast        U/mL      aspartate aminotransferase
trig       mg/dL     triglycerides
platelet   10*3/uL   platelets
protime    s         standardised blood clotting time
stage      --        histologic stage 1 to 4, from a biopsy (declared sensitive)
========== ========= ==========================================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salus.synth.table.table import Table

__all__ = ["load_pbc", "pbc_path"]

_HERE = Path(__file__).parent


def pbc_path() -> Path:
    """Return the path of the shipped ``pbc.csv``; its schema stands beside it."""
    return _HERE / "pbc.csv"


def load_pbc() -> Table:
    """Load the Mayo Clinic trial in primary biliary cirrhosis as a table.

    Returns
    -------
    Table
        418 people and 19 modelled columns; outcome ``status``, sensitive ``stage`` (it is read
        from a biopsy, known only from the record, and tells cirrhosis), ``id`` left out.

    References
    ----------
    Fleming TR, Harrington DP (1991). *Counting Processes and Survival Analysis*. Wiley.
    Therneau TM, Grambsch PM (2000). *Modeling Survival Data: Extending the Cox Model*. Springer.
    Dickson ER et al. (1989). Prognosis in primary biliary cirrhosis: model for decision making.
    *Hepatology* 10(1), 1-7. doi:10.1002/hep.1840100102

    Examples
    --------
    >>> table = load_pbc()
    >>> len(table), table.schema.outcome.levels
    (418, ('0', '1', '2'))
    """
    # On first use: pandas takes longer to load than this package may.
    from salus.synth.table.files import read_table

    return read_table(pbc_path(), schema=_HERE / "pbc.schema.json")
