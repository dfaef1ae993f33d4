"""Export, quantise, prune, parity, drift, promotion."""
