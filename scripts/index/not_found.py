"""The page for an address at which nothing is: it names the indexes that exist.

A static host answers with `404.html` wherever it has no file (GitHub Pages, GitLab Pages, Cloudflare and Netlify do); a
client that was given a channel which does not exist says no more than that it found nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlsplit

NOT_FOUND = "404.html"
HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark"><title>Not found</title>
<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}</style></head><body>
<h1>Nothing is at this address</h1>
"""
TAIL = "</body></html>\n"


def not_found_page(url: str, channels: Mapping[str, Iterable[str]]) -> str:
    """The page of a site at `url` with the channels that are given by the index of their CUDA variant."""
    root = urlsplit(url).path  # the page is shown at any address, so no link of it can be relative

    def link(path: str, shown: str) -> str:
        return f'<a href="{escape(root + path)}">{escape(shown)}</a>'

    def item(cuda: str) -> str:
        return f"<li>{link(cuda, cuda)}: {', '.join(link(path, path.split('/')[-2]) for path in channels[cuda])}</li>\n"

    told = f"<p>{link('', 'The page')} says which wheel fits, and the line that installs it.</p>\n"
    every = link("whl/", "whl/")
    told += f"<p>The index of every wheel is {every}; these are those of one CUDA variant or one torch:</p>\n"
    return f"{HEAD}{told}<ul>\n{''.join(map(item, channels))}</ul>\n{TAIL}"
