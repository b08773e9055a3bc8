"""The one kind of error that is the user's to mend: it says what happened, where, and what to do."""


class Problem(Exception):
    pass
