"""What licences of weights allow a user to do, clause by clause."""
