// Everything.
#pragma once

#include "mappedpages/batch.hpp"
#include "mappedpages/concepts.hpp"
#include "mappedpages/concurrent_pager.hpp"
#include "mappedpages/engine.hpp"
#include "mappedpages/page_id.hpp"
#include "mappedpages/page_view.hpp"
#include "mappedpages/pager.hpp"
#include "mappedpages/read_only_pager.hpp"
#include "mappedpages/sub_page_allocator.hpp"
#include "mappedpages/v3/page_allocator.hpp"
