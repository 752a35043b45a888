"""Whether a model fits: weights, KV cache, activations and runtime per GPU, verdict and remedies."""

from modelyard.fit.assess import assess as assess
from modelyard.fit.batch import fit_csv as fit_csv
from modelyard.fit.checkpoints import Precision as Precision
from modelyard.fit.checkpoints import resolve_precision as resolve_precision
from modelyard.fit.checkpoints import resolve_quantization as resolve_quantization
from modelyard.fit.defaults import default_batch as default_batch
from modelyard.fit.explain import explain as explain
from modelyard.fit.parallelism import allowed_tps as allowed_tps
from modelyard.fit.parallelism import check_parallelism as check_parallelism
from modelyard.fit.precision import Support as Support
from modelyard.fit.precision import precision_support as precision_support
from modelyard.fit.precision import support_of as support_of
from modelyard.fit.ranking import rank as rank
from modelyard.fit.remedies import find_remedies as find_remedies
from modelyard.fit.remedies import longest_context as longest_context
from modelyard.fit.terms import Term as Term
from modelyard.fit.types import Fit as Fit
from modelyard.fit.types import FitRequest as FitRequest
from modelyard.fit.types import PerGpu as PerGpu
from modelyard.fit.types import Remedy as Remedy
from modelyard.fit.types import Verdict as Verdict
from modelyard.fit.weights import checkpoint_bytes as checkpoint_bytes
