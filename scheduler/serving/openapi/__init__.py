"""The server's addresses as an OpenAPI document, made from the signatures that are live, and a page that shows it.

Read in this order: schemas (a signature as JSON Schema), plain (rows as objects, labels, health), tensors (the Open
Inference Protocol), document (all of it, and the page).
"""
