"""The library's front door and the one composition root."""

import logging

# A library must not print: without a handler of the application's, warnings go nowhere.
logging.getLogger("seawall").addHandler(logging.NullHandler())
