"""Users of the service: their roles, passwords, sessions and tokens. No HTTP here, and no SQL: its rows are kept in
`jobs/backend/accounts`."""
