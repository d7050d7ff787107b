"""Makes in a cloud what a push pool needs there, once, by a plan that is shown first."""
