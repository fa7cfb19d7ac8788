"""The provider ``kind``: nodes are containers of the user's Docker, or of a private one where there is none."""
