"""What can go wrong in exporting.

ExportError
"""


class ExportError(Exception):
    """Something the user can mend: the message says in one line what is wrong and what to do."""
