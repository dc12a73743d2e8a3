import {PivotModel} from "@web/views/pivot/pivot_model";
import {patch} from "@web/core/utils/patch";

/**
 * A table that is downloaded tells what it is of, for the record of who took what along.
 */
patch(PivotModel.prototype, {
    exportData() {
        const {rowGroupBys, expandedRowGroupBys, colGroupBys, expandedColGroupBys} =
            this.metaData;
        return {
            ...super.exportData(),
            healthcare: {
                domain: this.searchParams.domain,
                groupings: [
                    ...rowGroupBys,
                    ...expandedRowGroupBys,
                    ...colGroupBys,
                    ...expandedColGroupBys,
                ],
            },
        };
    },
});
