"""The exception of `training`."""


class TrainingError(Exception):
    """An error that the user can correct: the message says in one line what is wrong and what to do."""
