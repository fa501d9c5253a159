"""`make demo`: the whole product on one machine, with the local AWS in place of an account.

__main__ tells it in order; house starts and stops the processes; seed does what a team would do.
"""
