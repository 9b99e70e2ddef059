"""Stage train_markov: count the transitions of the training split."""

from stages.corpus.corpus import load_corpus
from stages.experiment import load_params, replacing, run_stage, write_metrics
from stages.models.markov_chain import MarkovChain


def main() -> None:
    params = load_params("markov.order")
    corpus = load_corpus("data/corpus")
    chain = MarkovChain.fit(corpus.train, corpus.vocabulary_size, order=params.markov.order)
    with replacing("data/models/markov.safetensors") as path:
        chain.save(path)
    write_metrics(
        "train_markov", {"states": chain.num_states, "transitions": chain.num_transitions}
    )


if __name__ == "__main__":
    run_stage(main)
