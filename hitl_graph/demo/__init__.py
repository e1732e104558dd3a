"""A support desk to try the library on: shipped messages, offline stand-ins and a mailbox on disk."""
