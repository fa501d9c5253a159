"""`make demo`: the whole product on one machine, with the local AWS in place of an account.

Told in order by __main__; house starts and stops processes, people and account and environment are what a team would do.
"""
