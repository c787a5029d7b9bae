"""HTTP as every service speaks it: who may call, what went wrong and what would help, and whether it is well.

Import what you need from its own module: most processes answer about their health only, and go without FastAPI.
"""
