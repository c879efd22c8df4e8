"""The errors of exporting."""


class ExportError(Exception):
    """An error that the user can correct; the message says in one line what is wrong and what to do."""
