"""Policy knowledge: documents, curated answers, known gaps, search, and the pipeline that answers a question from them."""
