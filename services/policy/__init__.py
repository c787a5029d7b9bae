"""Policy: a requested post is judged, and an approval is looked after until the post is public."""
