"""What the user is told in one line: a mistake, which ends a stage, and a caution."""


class UserError(Exception):
    """A mistake that one line explains: what, where, what was expected, what to do."""


class Caution(UserWarning):
    """What the user should know of texts that are taken all the same; `run_stage` prints it."""
