"""The one way in which Steady sends what nobody is waiting for: a ledger of rows, drained lane by lane."""
