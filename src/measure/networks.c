/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels of --networks: name, site and autonomous system of the networks that the two ends of a
 * record lie in. Looked up when a record is written; a flow needs no space for it. Neighbours:
 * networks_file.c (the file), base/prefix.h (the look-up).
 */
#include "measure/networks.h"

#include <string.h>

#include "flow/key.h"
#include "measure/measure.h"

enum networks_field {
	SOURCE_AS, DESTINATION_AS, SOURCE_NAME, DESTINATION_NAME, SOURCE_SITE, DESTINATION_SITE
};

static int networks_open(const void *argument, void **ret_worker, struct error *err)
{
	const struct measure_settings *settings = argument;
	*ret_worker = (void *)settings->networks;       /* where they are, since they may change */
	return 0;
}

/* The network of a side; false when the key says too little of its address to know. */
static bool network_of(const struct flow_view *view, const struct networks *networks,
                       unsigned side, bool source, struct network *ret)
{
	const struct key *key = (const struct key *)(const void *)view->flow->key;
	unsigned family = key_family(key, view->key_bytes);
	bool six = family == 6;
	unsigned known_bits = source ? view->plan->source_bits[six] : view->plan->destination_bits[six];
	const uint8_t *address = key_address(key, view->key_bytes, side);
	return family && known_bits && networks_find(networks, family, address, ret)
		&& ret->bits <= known_bits;
}

static void write_text(struct value_writer *w, const char *text)
{
	if (*text)
		value_write_octets(w, text, (uint32_t)strlen(text));
}

/* Source and destination are those of the record, so a reverse record has them changed. */
static void networks_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct networks *const *networks = view->worker;
	bool source = field == SOURCE_AS || field == SOURCE_NAME || field == SOURCE_SITE;
	struct network network;
	if (!networks || !*networks
	    || !network_of(view, *networks, source ? view->side : view->side ^ 1, source, &network))
		return;
	switch ((enum networks_field)field) {
	case SOURCE_AS:
	case DESTINATION_AS:
		if (network.as_number)
			value_write_unsigned(w, network.as_number);
		break;
	case SOURCE_NAME:
	case DESTINATION_NAME:
		write_text(w, network.name);
		break;
	case SOURCE_SITE:
	case DESTINATION_SITE:
		write_text(w, network.site);
		break;
	}
}

static const char *const networks_fields[] = {
	[SOURCE_AS] = "bgpSourceAsNumber", [DESTINATION_AS] = "bgpDestinationAsNumber",
	[SOURCE_NAME] = "sourceNetworkName", [DESTINATION_NAME] = "destinationNetworkName",
	[SOURCE_SITE] = "sourceNetworkSite", [DESTINATION_SITE] = "destinationNetworkSite", NULL
};

const struct flow_hook measure_networks = {
	.name = "networks", .help = "names, sites and AS numbers of networks (--networks)",
	.fields = networks_fields, .scope = HOOK_SCOPE_FLOW, .biflow = true,
	.open = networks_open, .write = networks_write,
};
