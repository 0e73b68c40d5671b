"""gitsync against git: random work trees, rule files and configurations, and what both make of them."""
