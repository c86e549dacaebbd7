"""Write tables that come with packages anyone can install, as CSV, to the folder named."""

# install: lifelines==0.30.3 statsmodels==0.15.0

import sys
from pathlib import Path

from lifelines.datasets import load_gbsg2  # German Breast Cancer Study Group 2, 686 women
from statsmodels.datasets import randhie  # RAND Health Insurance Experiment, 20,190 person-years

folder = Path(sys.argv[1])
load_gbsg2().to_csv(folder / "gbsg2.csv", index=False)
randhie.load_pandas().data.to_csv(folder / "randhie.csv", index=False)
