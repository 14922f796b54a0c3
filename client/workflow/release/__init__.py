"""Released workflows: versions, differences, locks and migrations."""
