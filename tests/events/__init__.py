"""What has travelled can still be read."""
