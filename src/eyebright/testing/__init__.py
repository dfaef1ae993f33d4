"""Public contract checks and fakes, run over every implementation by our tests and by third parties."""
