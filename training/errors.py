"""What can go wrong in training.

TrainingError
"""


class TrainingError(Exception):
    """Something the user can mend: the message says what is wrong and what to do."""
