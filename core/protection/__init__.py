"""Keys, signatures, limits: what keeps data from who must not have it.

=====================  =======================================================
encryption             keyring, sealing (AES-256-GCM), blind index, pseudonyms
sealed_columns         every column that holds something sealed
keyring_command        the command that looks after keyring files
secret_reference       secrets named as env:NAME or file:NAME
signatures             Standard Webhooks, signed and verified
hash_chain             rows that cannot be changed unnoticed
redaction              patient data taken out of texts
outbound               the one way out, to addresses that are allowed
access_record          the record of who saw what, read and followed
access_record_command  the command that checks it
rates                  how often somebody may do something
patient_archive        what is held about a patient, as a file to hand over
=====================  =======================================================
"""
