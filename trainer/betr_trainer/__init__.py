"""The worker of betr that trains and measures small language models. A job is a folder; see job.py."""

__version__ = "0.1.0"
