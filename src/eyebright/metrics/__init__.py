"""How good an answer is: recall@k, mean average precision, precision@k."""
