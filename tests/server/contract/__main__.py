"""Renew the agreed descriptions: `python -m tests.server.contract`."""

from tests.server.contract.documents import renew

if __name__ == "__main__":
    renew()
