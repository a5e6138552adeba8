"""One child run per batch of a manifest: dispatched, awaited, resumed."""
