"""An autoregressive transformer over the columns of a table, with privacy constraints in training."""
