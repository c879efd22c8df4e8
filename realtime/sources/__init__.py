"""Where frames come from: cameras, streams, browsers, the demo and files.

`base.py` defines what a source is, `opening.py` chooses and opens one, `file_types.py` lists the known file suffixes.
"""

from realtime.sources.opening import open_live_source as open_live_source
