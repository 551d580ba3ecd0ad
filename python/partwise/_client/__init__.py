"""The client: starts runs and reads them, through the `partwise host` of the Node package."""
