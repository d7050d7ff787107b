"""Transactions, by the name flow code imports; all of it is `penstock.sdk.transactions`."""

from penstock.sdk.transactions import CommitMode, Transaction, TransactionState, get_transaction, transaction

atransaction = transaction
"""For `async with`; it is the same."""

__all__ = ["CommitMode", "Transaction", "TransactionState", "atransaction", "get_transaction", "transaction"]
