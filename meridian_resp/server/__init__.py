"""The running server: reactor, sessions, dispatch, transactions, expiry, HTTP endpoint."""
