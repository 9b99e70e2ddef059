"""The pipeline's code; importing any of it first settles how the libraries below it calculate.

Each of them picks its instructions, and its number of threads, by the processor it finds. Each
choice moves the last bits of its results, which training then magnifies. So all take the same: what
an x86-64 processor with AVX2 has, on one thread (`threads` in params.yaml gives PyTorch more). They
read this when they load, so it stands here; what the environment said before gives way.
"""

import os

os.environ.update(
    ATEN_CPU_CAPABILITY="avx2",  # PyTorch's own kernels
    ONEDNN_MAX_CPU_ISA="AVX2",  # PyTorch's LSTM layers, and networks/portable.py
    # PyTorch's other matrix products, and exp, log, tanh. By any other value MKL still rounds
    # differently on Intel's and on AMD's processors.
    MKL_CBWR="COMPATIBLE",
    MKL_DYNAMIC="FALSE",
    NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's kernels
    OPENBLAS_CORETYPE="Haswell",  # NumPy's and SciPy's matrix products
    OPENBLAS_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    # Turns in which a thread waits for the others before it sleeps. With GNU's default of 300,000 a
    # training on two threads beside another busy process takes five times as long; with 0 it takes
    # a quarter longer when alone.
    GOMP_SPINCOUNT="500",
)
