"""The portal's own pages: where a story has to be told that an admin list or form cannot tell."""
