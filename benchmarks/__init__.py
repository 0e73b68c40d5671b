"""What gitsync costs, as ratios to git measured in the same run: `python -m benchmarks`. Never part of the tests."""
