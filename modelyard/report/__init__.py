"""What a preview or a fit looks like: one document, and the surfaces that show it.

``to_html`` is loaded when it is used: the template engine has no part in the cold start of ``modelyard fit``.
"""

from modelyard.report.document import SCHEMA as SCHEMA
from modelyard.report.document import preview_document as preview_document
from modelyard.report.outcome import Measured as Measured
from modelyard.report.outcome import RuleOutcome as RuleOutcome
from modelyard.report.reader import Document as Document
from modelyard.report.terminal import to_terminal as to_terminal
