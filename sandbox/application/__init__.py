"""The data plane: applications as processes, the database they use, the names they are found by.

Everything here is started on first use and ends with the sandbox. `hosting.py` holds what runs.
"""
