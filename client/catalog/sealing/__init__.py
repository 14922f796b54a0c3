"""What proves that a run's folder is as its maker left it: signatures, anchors, verdicts that carry a code."""
