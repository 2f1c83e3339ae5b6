"""The lecture's claims as experiments with verdicts: one file a claim, and `bench`, on which they are carried out."""
