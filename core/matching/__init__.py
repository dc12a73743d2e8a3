"""Likeness: who is the same person, which invoices a payment is for.

===========  =======================================
similarity   how alike two patients' records look
payment_fit  which open invoices add up to an amount
===========  =======================================
"""
