"""What people see of a run: contact sheet, manifests and thumbnails."""
