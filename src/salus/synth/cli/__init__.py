"""The command line: one file a verb, how a run speaks (``voice.py``) and ends (``exits.py``)."""
