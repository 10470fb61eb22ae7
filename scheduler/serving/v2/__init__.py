"""The Open Inference Protocol, version 2, with binary tensors as Triton's clients send them.

Read in this order: wire (a request's JSON), binary (tensors behind it), tensors (one tensor's values), rows (checked
rows out of tensors), answers (tensors out of answers), metadata, handlers (what is answered where).
"""
