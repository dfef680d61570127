"""The one guarded way out: only this package opens connections, and only to addresses that the operator named."""
